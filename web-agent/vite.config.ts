import vue from '@vitejs/plugin-vue';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const server = process.env.BANGBAN_DEV_SERVER ?? '127.0.0.1:8080';

// A portal in GBK reads a script without a declared character set as GBK: only escapes survive that.
const asciiOnly: Plugin = {
  name: 'ascii-only',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== 'chunk') continue;
      file.code = file.code.replace(/[^\0-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
    }
  },
};

// Two builds share dist/: the pages (default mode), then `--mode loader`, which adds bangban.js, the one
// file that foreign portals load. Its name is stable, so it is never hashed; the pages' assets are.
export default defineConfig(({ mode }) =>
  mode === 'loader'
    ? {
        publicDir: false,
        plugins: [asciiOnly],
        build: {
          outDir: 'dist',
          emptyOutDir: false,
          target: 'es2017',
          lib: { entry: 'src/loader/main.ts', formats: ['iife'], name: 'bangban', fileName: () => 'bangban.js' },
        },
      }
    : {
        plugins: [vue()],
        define: {
          __VUE_OPTIONS_API__: 'true', // Element Plus still uses it
          __VUE_PROD_DEVTOOLS__: 'false',
          __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
        },
        build: {
          // The floor of the domestic browsers in government offices (UOS, Kylin, 360, 奇安信).
          target: ['chrome87', 'safari14', 'firefox88'],
          manifest: true,
          chunkSizeWarningLimit: 800,
          rolldownOptions: {
            input: {
              widget: 'widget.html',
              receipt: 'receipt.html',
              console: 'console.html',
              board: 'board.html',
              admin: 'admin.html',
              figures: 'figures.html',
              apidocs: 'apidocs.html',
            },
          },
        },
        server: {
          proxy: {
            '/api': `http://${server}`,
            '/bangban.js': `http://${server}`, // the loader is a build of its own
            '/ws': { target: `ws://${server}`, ws: true },
          },
        },
        test: {
          environment: 'happy-dom',
          environmentOptions: { happyDOM: { settings: { enableIframePageLoading: true } } },
          include: ['src/**/*.test.ts'],
        },
      },
);
