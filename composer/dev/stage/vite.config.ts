import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** Builds the stage alone: `npx vite build --config dev/stage/vite.config.ts --outDir FOLDER` */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/composer/",
  build: { target: "es2023", minify: false },
});
