/**
 * The address below which `api/v1/…` lies, with a slash at its end; a path before it is kept, as a proxy needs it.
 * @throws RangeError naming what is wrong with the text.
 */
export function parseBaseUrl(text: string): URL {
  const shape = 'want an http or https URL such as http://127.0.0.1:8080'
  if (!URL.canParse(text)) throw new RangeError(`"${text}" is no URL, ${shape}`)
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new RangeError(`"${text}" is not HTTP, ${shape}`)
  // Not shown: it may hold the password.
  if (url.username !== '' || url.password !== '')
    throw new RangeError('the URL holds a login, which belongs into the options for it')
  if (url.search !== '' || url.hash !== '') throw new RangeError(`"${text}" has a query or a fragment, ${shape}`)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}
