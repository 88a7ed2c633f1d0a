import type { Context } from './context.ts'
import type { Expected } from './expected.ts'
import type { Tree } from './tree.ts'
import type { Unnumbered } from './client.ts'

export interface Case {
  /** The rule, unique in the suite, so that a red line explains itself. */
  name: string
  /** Where the rule comes from: `§6.3` is a section of draft-ietf-secsh-filexfer-02. */
  section: string
  /** Extensions, as VERSION names them: without them the case is not judged. */
  needs?: readonly string[]
  /** Where OpenSSH and the draft differ, or several outcomes are right: why. */
  note?: string
  /** @throws CaseFailure, or NotOffered for what cannot be judged on this server. */
  run(context: Context): Promise<void>
}

/** A case that sends one request: what there is before, what is sent, what may come back, what there is after. */
export interface Row extends Omit<Case, 'run'> {
  given?: Tree
  /** @param at the path of a name in the case's own directory. */
  send: (at: (name: string) => string) => Unnumbered
  expect: Expected | ((at: (name: string) => string) => Expected)
  after?: Tree
}

export function row({ given, send, expect, after, ...rest }: Row): Case {
  return {
    ...rest,
    async run(context) {
      if (given !== undefined) await context.given(given)
      const at = (name: string): string => context.at(name)
      await context.expect(send(at), typeof expect === 'function' ? expect(at) : expect)
      if (after !== undefined) await context.shows(after)
    },
  }
}

/** Cases of one topic, as reports group them. */
export interface Group {
  title: string
  cases: readonly Case[]
}
