import { show } from "../shell/page.js";

await show("losses", () => <h1>losses</h1>);
