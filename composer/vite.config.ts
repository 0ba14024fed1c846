import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The page that `farm serve` gives at /composer/{recording_id}; its assets lie below /composer/assets/. */
const page = {
  outDir: here("../scheduler_api/static/composer"),
  emptyOutDir: true,
  assetsInlineLimit: 0, // a strict Content-Security-Policy allows no data: URLs
  chunkSizeWarningLimit: 1200,
};

/** `<RecordingComposer>` for another React application. */
const library = {
  outDir: here("dist"),
  lib: {
    entry: here("src/index.ts"),
    formats: ["es" as const],
    fileName: "recording-composer",
    cssFileName: "recording-composer",
  },
  rollupOptions: { external: ["react", "react-dom", "react/jsx-runtime", "hls.js"] },
};

export default defineConfig(({ mode }) => ({
  base: "/composer/",
  plugins: [react()],
  build: { target: "es2023", sourcemap: false, ...(mode === "library" ? library : page) },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
}));
