#!/usr/bin/env node
// The thread pool takes its size at its first use, and loading an ES module is a use: so this file is CommonJS.
process.env['UV_THREADPOOL_SIZE'] ??= '16'
// File data is memory beside the heap, which makes the engine think after every mark that it must mark again: up to forty
// times a second in an upload, at half its speed. Four times of what lives may gather between two marks; it is 20 MiB.
process.getBuiltinModule('node:v8').setFlagsFromString('--heap-growing-percent=300')
void import('./cli.ts').then(({ main }) => main())
