/** What vite.config.ts makes. */
declare module "virtual:formulas" {
  /** Markup, a string a clause; none where a loss has no such formula. */
  const formulas: Readonly<
    Record<
      string,
      { readonly value: readonly string[]; readonly grad: readonly string[]; readonly hess: readonly string[] }
    >
  >;
  export default formulas;
}
