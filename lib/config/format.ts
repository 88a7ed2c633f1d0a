/** What a configuration file says. */
export interface Parsed {
  content: unknown
  /** The line, from 1, of a setting or section; of what holds it when only that is known; `undefined` for none. */
  lineOf(path: readonly PropertyKey[]): Promise<number | undefined>
}

export interface Format {
  name: string
  /** Without the dot. */
  extensions: readonly string[]
  /** @throws SyntaxProblem naming the place and never quoting the text, which may hold secrets. */
  parse(text: string): Promise<Parsed>
}

/** Lines of a text by the path of what begins there, whatever the case of its keys; the last of equal ones counts. */
export class Lines {
  readonly #lines = new Map<string, number>()

  add(path: readonly PropertyKey[], line: number): void {
    this.#lines.set(identity(path), line)
  }

  /** The line of the path, or of the nearest thing around it. */
  find(path: readonly PropertyKey[]): number | undefined {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lines.get(identity(path.slice(0, length)))
      if (line !== undefined) return line
    }
    return undefined
  }
}

const identity = (path: readonly PropertyKey[]) => JSON.stringify(path.map((key) => String(key).toLowerCase()))
