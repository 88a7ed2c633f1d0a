/** Forms with data-confirm ask first, in the page's dialog; without this script the server asks on a page. */
export function confirmForms() {
  const dialog = document.getElementById('confirm')
  const text = document.getElementById('confirm-text')
  const yes = dialog.querySelector('button[value="yes"]')
  let waiting

  document.addEventListener('submit', (event) => {
    const form = event.target
    if (!form.dataset.confirm || form.elements.namedItem('confirmed')) return
    event.preventDefault()
    waiting = form
    text.textContent = form.dataset.confirm
    yes.textContent = form.dataset.button ?? 'OK'
    dialog.returnValue = ''
    dialog.showModal()
  })

  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'yes' || !waiting) return
    const field = document.createElement('input')
    field.type = 'hidden'
    field.name = 'confirmed'
    field.value = '1'
    waiting.append(field)
    waiting.requestSubmit()
  })
}
