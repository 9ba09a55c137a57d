/** Environment variables by name, as a process has them: given to whatever reads them, so that tests give their own. */
export type Environment = Readonly<Record<string, string | undefined>>;
