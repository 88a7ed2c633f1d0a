import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{bin,lib,protocol,conformance,bench}/**/*.test.ts'],
    // The library's first use of libuv's thread pool fixes its size, so it is set before any worker starts.
    env: { UV_THREADPOOL_SIZE: '16' },
    pool: 'forks',
    // Much of a run is waiting for programs to start and end, so two cores keep three workers busy.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // What takes milliseconds takes seconds beside two other workers on a machine that others use, too.
    testTimeout: 30_000,
    // Loading every module again for every file takes a third of the whole time; no test leaves anything behind.
    isolate: false,
  },
})
