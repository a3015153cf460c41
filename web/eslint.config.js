import vue from "eslint-plugin-vue";
import typescript from "typescript-eslint";

export default typescript.config(
  { ignores: ["node_modules", "src/api/schema.d.ts"] },
  typescript.configs.strict,
  typescript.configs.stylistic,
  vue.configs["flat/recommended"],
  {
    files: ["**/*.vue"],
    languageOptions: { parserOptions: { parser: typescript.parser } },
  },
  {
    rules: {
      // One line for several attributes reads well; the formatter is the writer.
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/html-self-closing": ["error", { html: { void: "any", normal: "any", component: "always" } }],
      "vue/multi-word-component-names": "off",
      "vue/no-v-html": "error",
      "@typescript-eslint/consistent-type-definitions": ["error", "interface"],
      eqeqeq: "error",
      "no-console": "error",
    },
  },
);
