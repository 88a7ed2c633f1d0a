/** The server is not what it should be. */
export class CaseFailure extends Error {
  readonly expected: string
  readonly came: string
  constructor(expected: string, came: string) {
    super(`expected ${expected}; came ${came}`)
    this.expected = expected
    this.came = came
  }
}

/** The case asks for something that this server does not have, or that cannot be judged here. */
export class NotOffered extends Error {}
