// Required before anything else: the transport finds no native code and does with what Node has.
const open = process.dlopen.bind(process)
process.dlopen = (module: object, filename: string, flags?: number) => {
  if (filename.endsWith('sshcrypto.node')) throw new Error('left out')
  if (flags === undefined) open(module, filename)
  else open(module, filename, flags)
}
