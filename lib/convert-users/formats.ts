/** The files that accounts can be taken from. */
export const CONVERT_FORMATS = ['unix-passwd', 'pure-ftpd', 'proftpd'] as const
export type ConvertFormat = (typeof CONVERT_FORMATS)[number]

export function isConvertFormat(text: string): text is ConvertFormat {
  return CONVERT_FORMATS.some((format) => format === text)
}
