import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SOURCES = ['bench', 'bin', 'conformance', 'lib', 'protocol', 'sql', 'static', 'templates']

const nested = await Promise.all(
  SOURCES.map(async (folder) =>
    (await readdir(join(ROOT, folder), { recursive: true })).map((name) => join(folder, name)),
  ),
)
const DOCUMENTS = ['README.md', 'CHANGELOG.md', ...nested.flat().filter((name) => name.endsWith('.md'))]

test.each(DOCUMENTS)('every link in %s leads to something', async (document) => {
  const text = await readFile(join(ROOT, document), 'utf8')
  // A link in a block of code is an example of somebody else's.
  const links = [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/\]\(([^)\s]+)\)/g)].map((found) => found[1] ?? '')
  const broken = await Promise.all(
    links.map(async (link) => ((await leadsSomewhere(link, document)) ? undefined : link)),
  )
  expect(broken.filter((link) => link !== undefined)).toEqual([])
})

async function leadsSomewhere(link: string, document: string): Promise<boolean> {
  if (/^https?:/.test(link)) return true
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path)
  const found = await stat(target).catch(() => undefined)
  if (found === undefined) return false
  if (anchor === undefined) return true
  return headings(await readFile(target, 'utf8')).includes(anchor)
}

/** As the sites that show the documents name their anchors. */
function headings(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
