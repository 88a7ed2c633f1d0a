import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{bin,lib,protocol,conformance,bench}/**/*.test.ts'],
    // The library's first use of libuv's thread pool fixes its size, so it is set before any worker starts.
    env: { UV_THREADPOOL_SIZE: '16' },
    pool: 'forks',
    // Loading every module again for every file takes a third of the whole time; no test leaves anything behind.
    isolate: false,
  },
})
