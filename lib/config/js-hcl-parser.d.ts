/** It has no types of its own. */
declare module 'js-hcl-parser' {
  const parser: {
    /** JSON, or what is wrong. */
    parse(text: string): string
  }
  export default parser
}
