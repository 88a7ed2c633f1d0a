import { chromium, type Browser, type Page } from 'playwright-core'
import { requireProgram } from '../harness/programs.ts'
import type { Scope } from '../harness/scope.ts'

/** @throws NotInstalled naming the program and its package. */
export async function launchBrowser(scope: Scope): Promise<Browser> {
  const executablePath = requireProgram('chromium')
  // Its sandbox does not work for root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath, args })
  scope.defer(() => browser.close())
  return browser
}

export interface Look {
  width: number
  height: number
  colorScheme: 'light' | 'dark'
}

export interface Watched {
  page: Page
  /** What the browser complained of: errors of scripts, refusals by the content security policy, failed requests. */
  complaints: string[]
}

/** A page of its own, whose complaints are kept. */
export async function openPage(browser: Browser, { width, height, colorScheme }: Look): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return { page, complaints }
}
