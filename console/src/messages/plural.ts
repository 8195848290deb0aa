// Words that depend on a number, by the rules of a language.

type Forms = { [Rule in Intl.LDMLPluralRule]?: string } & { other: string };

/** For a language: what to say of a number. `#` stands for it. */
export function plurals(language: string) {
  const rules = new Intl.PluralRules(language);
  const digits = new Intl.NumberFormat(language);
  return (count: number, forms: Forms) => (forms[rules.select(count)] ?? forms.other).replace("#", digits.format(count));
}
