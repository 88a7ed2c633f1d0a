import type { Format } from './format.ts'

/** The formats of configuration files, in the order in which a directory is searched; each parser is loaded when used. */
export const FORMATS: readonly Format[] = [
  {
    name: 'JSON',
    extensions: ['json'],
    async parse(text) {
      const content = (await import('./json.ts')).parseJson(text)
      // Every JSON text is a YAML text, and that parser knows where things are.
      return { content, lineOf: async (path) => (await import('./yaml.ts')).lineIn(text, path) }
    },
  },
  {
    name: 'TOML',
    extensions: ['toml'],
    parse: async (text) => (await import('./toml.ts')).parseToml(text),
  },
  {
    name: 'YAML',
    extensions: ['yaml', 'yml'],
    parse: async (text) => (await import('./yaml.ts')).parseYaml(text),
  },
  {
    name: 'Java properties',
    extensions: ['properties', 'props', 'prop'],
    parse: async (text) => (await import('./properties.ts')).parseProperties(text),
  },
  {
    name: 'HCL',
    extensions: ['hcl'],
    parse: async (text) => (await import('./hcl.ts')).parseHcl(text),
  },
  {
    name: 'envfile',
    extensions: ['dotenv', 'env'],
    parse: async (text) => (await import('./envfile.ts')).parseEnvfile(text),
  },
]
