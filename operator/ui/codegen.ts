import type { CodegenConfig } from "@graphql-codegen/cli";

// Types of every query in src/, made from the schema that the server prints: a query that the schema refuses fails the build.
const config: CodegenConfig = {
  schema: "../opweave_operator/api/schema.graphql",
  documents: ["src/**/*.{ts,tsx}"],
  generates: {
    "src/api/__generated__/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: "string",
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: { DateTime: "string", JSON: "unknown" },
      },
    },
  },
};

export default config;
