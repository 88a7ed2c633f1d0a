/** A menu closes when the focus or a click goes elsewhere, and with Escape. */
export function closeMenus() {
  const close = (except) => {
    for (const menu of document.querySelectorAll('details.menu[open]')) if (!menu.contains(except)) menu.open = false
  }
  document.addEventListener('click', (event) => close(event.target))
  document.addEventListener('focusin', (event) => close(event.target))
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return
    const menu = event.target.closest?.('details.menu[open]')
    if (!menu) return
    menu.open = false
    menu.querySelector('summary').focus()
  })
}

/** What was done is said once, not again after a reload. */
export function stripNotice() {
  const url = new URL(location.href)
  if (!url.searchParams.has('done')) return
  url.searchParams.delete('done')
  history.replaceState(null, '', url)
}

/** What is wrong with a form is read first. */
export function openForErrors() {
  document.getElementById('problems')?.focus()
}
