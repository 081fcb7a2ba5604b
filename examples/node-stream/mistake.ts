/** Something wrong with the files, which whoever gave them can mend. */
export class Mistake extends Error {}
