/** Seconds that a sparkline shows. */
const HISTORY = 60
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB']

/** Keeps a table[data-live] as the server's events tell it. Text is only ever set as text. */
export function followLive() {
  const table = document.querySelector('table[data-live]')
  if (!table) return
  const body = table.tBodies[0]
  const state = document.querySelector('[data-live-state]')
  const clockOffsetMs = Number(table.dataset.now) - Date.now()
  const histories = new Map()

  const source = new EventSource(table.dataset.live)
  source.addEventListener('open', () => say(state, 'Live', 'on'))
  source.addEventListener('error', () => say(state, 'Reconnecting…', 'off'))
  source.addEventListener('message', (event) => show(JSON.parse(event.data)))
  addEventListener('pagehide', () => source.close())
  // A page that comes back from the browser's cache has no stream any more.
  addEventListener('pageshow', (event) => event.persisted && location.reload())

  function show({ summary, rows }) {
    const line = document.querySelector('[data-summary]')
    // A live region speaks when it changes, so it changes only when there is news.
    if (line.textContent !== summary) line.textContent = summary
    document.querySelector('[data-empty]').hidden = rows.length > 0
    table.hidden = rows.length === 0
    fill(body, rows, 'row', (element, row) => {
      const id = element.querySelector('[data-id]')
      if (id) {
        id.value = row.id
        id.form.querySelector('button').setAttribute('aria-label', `Disconnect ${row.fields.username}`)
      }
      const age = element.querySelector('[data-age]')
      if (age) age.dataset.age = row.sinceMs
      const list = element.querySelector('[data-list]')
      if (list)
        fill(list, row.transfers, 'transfers', (item, transfer) =>
          measure(item, `${row.key} ${transfer.key}`, transfer),
        )
    })
    for (const key of histories.keys()) if (!histories.get(key).element.isConnected) histories.delete(key)
    tell()
  }

  /** Speeds come from what moved between two events. */
  function measure(element, key, { bytes, tone }) {
    element.className = `transfer ${tone}`
    const now = performance.now()
    const history = histories.get(key) ?? { bytes, at: now, speeds: [], element }
    history.element = element
    histories.set(key, history)
    element.dataset.bytes = bytes
    history.latest = bytes
  }

  /** Once a second, also when nothing was told: then nothing moved. */
  function tick() {
    const now = performance.now()
    for (const history of histories.values()) {
      const seconds = (now - history.at) / 1000
      history.speeds.push(Math.max(0, history.latest - history.bytes) / seconds)
      if (history.speeds.length > HISTORY) history.speeds.shift()
      history.bytes = history.latest
      history.at = now
      const recent = history.speeds.slice(-3)
      const speed = recent.reduce((sum, one) => sum + one, 0) / recent.length
      history.element.querySelector('[data-field="speed"]').textContent = `${size(speed)}/s`
      history.element.querySelector('polyline').setAttribute('points', points(history.speeds))
    }
    tell()
  }

  function tell() {
    for (const age of body.querySelectorAll('[data-age]')) {
      age.textContent = duration(Date.now() + clockOffsetMs - Number(age.dataset.age))
    }
  }

  setInterval(tick, 1000)
}

/** Rows by key: what stays keeps its element, and with it focus and selection. */
function fill(parent, items, template, more) {
  const before = new Map([...parent.children].map((element) => [element.dataset.key, element]))
  let at = parent.firstElementChild
  for (const item of items) {
    const known = before.get(item.key)
    before.delete(item.key)
    const element = known ?? document.getElementById(template).content.firstElementChild.cloneNode(true)
    element.dataset.key = item.key
    for (const [name, text] of Object.entries(item.fields)) {
      const slot = element.querySelector(`[data-field="${name}"]`)
      // Speeds are measured here once the row stands.
      if (slot && slot.textContent !== text && !(known && name === 'speed')) slot.textContent = text
    }
    if (at === element) at = at.nextElementSibling
    else parent.insertBefore(element, at)
    more(element, item)
  }
  for (const element of before.values()) element.remove()
}

function say(element, text, tone) {
  element.hidden = false
  element.textContent = text
  element.dataset.tone = tone
}

function points(speeds) {
  const top = Math.max(1, ...speeds)
  const start = HISTORY - speeds.length
  return speeds
    .map(
      (speed, index) =>
        `${(((start + index) * 120) / (HISTORY - 1)).toFixed(1)},${(22 - (speed / top) * 20).toFixed(1)}`,
    )
    .join(' ')
}

function size(count) {
  let value = count
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}

function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (value) => String(value).padStart(2, '0')
  const days = Math.floor(seconds / 86400)
  const hours = Math.floor(seconds / 3600) % 24
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  if (days > 0) return `${days} d ${two(hours)}:${rest}`
  return hours > 0 ? `${two(hours)}:${rest}` : rest
}
