const pad = (value: number, width = 2): string => String(value).padStart(width, '0')

/** Local time as `YYYY-MM-DDTHH:MM:SS`. @param ms since the epoch. */
export function localSeconds(ms: number): string {
  const at = new Date(ms)
  const date = `${pad(at.getFullYear(), 4)}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`
  return `${date}T${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`
}

/** Makes a function that writes local time as `YYYY-MM-DDTHH:MM:SS.mmm`, spelling each second only once. */
export function millisecondStamp(): (ms: number) => string {
  let second = Number.NaN
  let text = ''
  return (ms) => {
    const whole = Math.trunc(ms)
    const now = Math.floor(whole / 1000)
    if (now !== second) [second, text] = [now, localSeconds(whole)]
    return `${text}.${pad(whole - now * 1000, 3)}`
  }
}
