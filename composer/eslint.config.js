import js from "@eslint/js";
import prettier from "eslint-config-prettier";
import reactHooks from "eslint-plugin-react-hooks";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** What a folder of src/ may import of the others: downward only, as the rooms of the farm. */
const rooms = ["api", "composition", "plan", "playback", "stage", "engine"];
const below = {
  api: ["composition", "plan"],
  composition: [],
  plan: [],
  playback: ["api", "plan"],
  stage: ["plan", "playback"],
  engine: ["api", "composition", "plan", "playback", "stage"],
};

export default defineConfig(
  { ignores: ["dist", "node_modules"] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  reactHooks.configs.flat.recommended,
  prettier,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["eslint.config.js"] } } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/consistent-type-definitions": ["error", "interface"],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "no-console": "error",
      eqeqeq: "error",
    },
  },
  ...rooms.map((room) => ({
    files: [`src/${room}/**`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              regex: `^\\.\\./(?!${[...below[room], "shared"].join("|")})`,
              message: `${room} may import ${[...below[room], "shared"].join(", ")} only.`,
            },
          ],
        },
      ],
    },
  })),
  { files: ["eslint.config.js"], extends: [tseslint.configs.disableTypeChecked] },
  { files: ["dev/**"], rules: { "no-console": "off" } },
);
