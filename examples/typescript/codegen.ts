// Types for the operations in src/, made from the server's schema. It can also be read from a
// running server: schema: "http://127.0.0.1:8000/graphql".
import type { CodegenConfig } from "@graphql-codegen/cli";

export default {
  schema: "../../schema.graphql",
  documents: "src/**/*.ts",
  generates: {
    "./src/gql/": {
      preset: "client",
      config: {
        documentMode: "string",
        enumsAsTypes: true,
        useTypeImports: true,
        scalars: { DateTime: "string", EmailAddress: "string", PermissionCode: "string" },
      },
    },
  },
} satisfies CodegenConfig;
