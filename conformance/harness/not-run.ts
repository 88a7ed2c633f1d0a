/** Why a case could not be run here: it says nothing about the server. */
export class NotRun extends Error {
  override readonly name: string = 'NotRun'
}

/** What is missing can be installed, so that where everything is installed it is a failure. */
export class NotInstalled extends NotRun {
  override readonly name = 'NotInstalled'

  /** @param packageName Debian's. */
  constructor(what: string, packageName: string) {
    super(`${what} is not installed: apt-get install ${packageName}`)
  }
}
