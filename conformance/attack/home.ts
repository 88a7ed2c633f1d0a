import fs from 'node:fs'
import { join } from 'node:path'

/** Names that are flipped between what they are and links that lead out: as `name`, `name.LINK` and `name.real`. */
export const FLIPPED = ['dir', 'file'] as const
/** The ways out: a relative link, an absolute one, and one to a neighbour whose name begins as the home's does. */
export const LINKS = ['relative', 'absolute', 'neighbour'] as const

/** What is attacked in one directory of a home. @param base holds the home, its neighbour and the outside. */
export function plantTarget(base: string, home: string, neighbour: string, outside: string, name: string): void {
  const at = join(home, name)
  fs.mkdirSync(join(at, 'dir', 'below'), { recursive: true })
  for (const file of ['file', 'bait', 'dir/secret', 'dir/victim', 'dir/below/f']) {
    fs.writeFileSync(join(at, file), 'inside')
  }
  fs.symlinkSync('secret', join(at, 'dir', 'link'))
  for (const [flipped, tail] of [
    ['dir', ''],
    ['file', '/secret'],
  ] as const) {
    fs.symlinkSync(`../../${outside}${tail}`, join(at, `${flipped}.relative`))
    fs.symlinkSync(`${join(base, outside)}${tail}`, join(at, `${flipped}.absolute`))
    fs.symlinkSync(`../../${neighbour}${tail}`, join(at, `${flipped}.neighbour`))
  }
}
