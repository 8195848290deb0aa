// GraphQL documents: each is written beside the component that needs it, and its type is generated from
// it (codegen.ts). A document may spread a fragment of another file, as long as it imports something from there.
import { parse, type DefinitionNode, type FragmentDefinitionNode, type SelectionSetNode } from "@0no-co/graphql.web";

import type { graphql as typed } from "./gql";

export { readFragment, type FragmentType } from "./gql";

const fragments = new Map<string, FragmentDefinitionNode>();

/** The document, with the fragments that it spreads. They are looked up when it is used first: all files are loaded then. */
export const graphql = ((source: string) => {
  const own = parse(source, { noLocation: true }).definitions;
  for (const definition of own) {
    if (definition.kind === "FragmentDefinition") fragments.set(definition.name.value, definition);
  }
  let definitions: readonly DefinitionNode[] | undefined;
  return {
    kind: "Document",
    get definitions() {
      return (definitions ??= withFragments(own));
    },
  };
}) as typeof typed;

function withFragments(own: readonly DefinitionNode[]): DefinitionNode[] {
  const found = new Set(own);
  // The set grows while it is gone through: fragments spread fragments.
  for (const definition of found) {
    if ("selectionSet" in definition) {
      for (const name of spreadIn(definition.selectionSet)) {
        const fragment = fragments.get(name);
        if (!fragment) throw new Error(`The fragment ${name} has not been loaded.`);
        found.add(fragment);
      }
    }
  }
  return [...found];
}

function spreadIn({ selections }: SelectionSetNode): string[] {
  return selections.flatMap((selection) => {
    if (selection.kind === "FragmentSpread") return [selection.name.value];
    return selection.selectionSet ? spreadIn(selection.selectionSet) : [];
  });
}
