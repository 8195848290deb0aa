// Types for the operations in src/, made from the server's schema. Nothing of src/gql is in the bundle
// but one line (`readFragment`): src/graphql.ts holds the documents themselves.
import type { CodegenConfig } from "@graphql-codegen/cli";

export default {
  schema: "../schema.graphql",
  documents: "src/**/*.{ts,tsx}",
  generates: {
    "./src/gql/": {
      preset: "client",
      // A component sees only the fields of its own fragment. The function that reads them is no hook.
      presetConfig: { fragmentMasking: { unmaskFunctionName: "readFragment" } },
      config: {
        // Enums are unions of strings, "INVITED" | "ACTIVE": TypeScript's own would be code to import.
        enumsAsTypes: true,
        // Types vanish when TypeScript is compiled (`verbatimModuleSyntax`).
        useTypeImports: true,
        // They travel as JSON strings; without this their type is `any`.
        scalars: { DateTime: "string", EmailAddress: "string", PermissionCode: "string" },
      },
    },
  },
} satisfies CodegenConfig;
