#!/usr/bin/env node
// The thread pool takes its size at its first use, and loading an ES module is a use: so this file is CommonJS.
process.env['UV_THREADPOOL_SIZE'] ??= '16'
void import('./cli.ts').then(({ main }) => main())
