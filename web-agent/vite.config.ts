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

// Scripts that foreign portals load: the one of their tag, and the one that comes when a clerk may see the page.
const scripts: Record<string, { entry: string; file: string }> = {
  loader: { entry: 'src/loader/main.ts', file: 'bangban.js' },
  browse: { entry: 'src/browse/main.ts', file: 'bangban-browse.js' },
};

// Three builds share dist/: the pages (default mode), then `--mode browse` and `--mode loader`, which add the scripts.
// Their names are stable, so they are never hashed; the pages' assets are.
export default defineConfig(({ mode }) => {
  const script = scripts[mode];
  return script
    ? {
        publicDir: false,
        plugins: [asciiOnly],
        build: {
          outDir: 'dist',
          emptyOutDir: false,
          target: 'es2017',
          lib: { entry: script.entry, formats: ['iife'], name: 'bangban', fileName: () => script.file },
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
              operator: 'operator.html',
              board: 'board.html',
              admin: 'admin.html',
              figures: 'figures.html',
              apidocs: 'apidocs.html',
              replay: 'replay.html',
            },
          },
        },
        server: {
          proxy: {
            '/api': `http://${server}`,
            '/bangban.js': `http://${server}`, // these are builds of their own
            '/bangban-browse.js': `http://${server}`,
            '/ws': { target: `ws://${server}`, ws: true },
          },
        },
        test: {
          environment: 'happy-dom',
          environmentOptions: { happyDOM: { settings: { enableIframePageLoading: true } } },
          include: ['src/**/*.test.ts'],
        },
      };
});
