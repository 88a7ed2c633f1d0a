/** The candidate that `word` most likely meant, if one is close enough to be worth suggesting. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Insertions, deletions and replacements that turn `a` into `b` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 0; row < a.length; row++) {
    const current = [row + 1]
    for (let column = 0; column < b.length; column++) {
      const [inserted = 0, deleted = 0, replaced = 0] = [current[column], previous[column + 1], previous[column]]
      current.push(Math.min(inserted + 1, deleted + 1, replaced + (a[row] === b[column] ? 0 : 1)))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
