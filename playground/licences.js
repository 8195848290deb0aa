/**
 * Collects the licences of the packages that end up in the bundle: those of which at least one
 * module does, in the page or in a worker.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const LICENCE_FILE = /^(licen[cs]e|copying|notice|third-?party-?notices)/i;
const RULE = "-".repeat(80);

export function licences({ alwaysInclude }) {
  /** Folders of packages. Workers are bundled apart from the page, and add to the same set. */
  const folders = new Set(alwaysInclude.map((name) => join("node_modules", name)));

  return {
    collect: () => ({
      name: "collect-licences",
      generateBundle(_options, bundle) {
        for (const file of Object.values(bundle)) {
          for (const id of file.moduleIds ?? []) {
            const [folder] = /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id.replace(/^\0/, "")) ?? [];
            if (folder && existsSync(join(folder, "package.json"))) folders.add(folder);
          }
        }
      },
    }),
    write: (fileName) => ({
      name: "write-licences",
      generateBundle() {
        const packages = [...folders].map(describe).sort((a, b) => (a.heading < b.heading ? -1 : 1));
        // Many packages of one author share one text to the letter: it is printed once.
        const sections = new Map();
        for (const { heading, text } of packages) {
          sections.set(text, [...(sections.get(text) ?? []), heading]);
        }
        const source = [
          "The playground of Usher contains parts of these packages; their licences follow.\n" +
            "The editor's icons are Codicons, (c) Microsoft Corporation, under CC-BY-4.0:\n" +
            "https://github.com/microsoft/vscode-codicons",
          packages.map(({ heading }) => `  ${heading}`).join("\n"),
          ...[...sections].map(([text, headings]) => [RULE, ...headings, RULE, text].join("\n")),
        ];
        this.emitFile({ type: "asset", fileName, source: source.join("\n\n") + "\n" });
      },
    }),
  };
}

/** A package's name and version, and what its files say about its licence. */
function describe(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const texts = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && LICENCE_FILE.test(entry.name))
    .map((entry) => entry.name)
    .sort()
    .map((file) => readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim());
  return {
    heading: `${name} ${version} (${license})`,
    text:
      texts.join(`\n\n${RULE}\n\n`) ||
      "No text comes with the package: its licence is the one named above.",
  };
}
