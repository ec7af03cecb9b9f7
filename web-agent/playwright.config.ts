import { defineConfig } from '@playwright/test';

// Every story starts the server that it needs (e2e/support/server.ts), because it owns that server's life.
export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  fullyParallel: false,
  // Most stories wait for a clock more than they work, and each has a server and a data folder of its own.
  workers: 2,
  retries: 0,
  forbidOnly: !!process.env.CI,
  // The longest takes over a minute; on a machine that is busy with something else it takes more.
  timeout: 180_000,
  expect: { timeout: 10_000 },
  reporter: [['list'], ['json', { outputFile: process.env.BANGBAN_E2E_REPORT ?? 'test-results/report.json' }]],
  use: {
    browserName: 'chromium',
    locale: 'zh-CN',
    timezoneId: 'Asia/Shanghai',
    contextOptions: { reducedMotion: 'reduce' },
    screenshot: 'only-on-failure',
    // The pages' states at every step, for a look at one story: writing them down takes a part of every story.
    trace: process.env.BANGBAN_TRACE ? { mode: 'retain-on-failure', screenshots: false } : 'off',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-dev-shm-usage',
        '--font-render-hinting=none',
        // A microphone that beeps, for whoever is allowed to use one.
        '--use-fake-device-for-media-stream',
      ],
    },
  },
});
