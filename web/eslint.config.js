import js from "@eslint/js";
import vue from "eslint-plugin-vue";
import a11y from "eslint-plugin-vuejs-accessibility";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["dist", "src/api/schema.ts", "node_modules"] },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...vue.configs["flat/recommended"],
  ...a11y.configs["flat/recommended"],
  {
    files: ["**/*.vue"],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  {
    files: ["public/*.js"],
    languageOptions: { globals: { document: "readonly", localStorage: "readonly", matchMedia: "readonly" } },
  },
  {
    rules: {
      // TypeScript knows the names of the browser.
      "no-undef": "off",
      // The policy of the service refuses style attributes, and Vue writes static ones as text.
      "vue/no-static-inline-styles": "error",
      "vue/no-v-html": "error",
      // Prettier decides the layout.
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/multiline-html-element-content-newline": "off",
      "vue/html-self-closing": "off",
      "vue/html-indent": "off",
      "vue/html-closing-bracket-newline": "off",
      "vue/first-attribute-linebreak": "off",
      "vue/multi-word-component-names": "off",
      "vue/require-default-prop": "off",
      "vuejs-accessibility/label-has-for": ["error", { required: { some: ["nesting", "id"] } }],
      // UiField ties label and control together by an id that only exists at run time; axe checks the result.
      "vuejs-accessibility/form-control-has-label": "off",
      // The first field of a dialog has the focus; that is what the specification of the pages asks for.
      "vuejs-accessibility/no-autofocus": "off",
    },
  },
);
