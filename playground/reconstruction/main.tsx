import { show } from "../shell/page.js";

await show("reconstruction", () => <h1>reconstruction</h1>);
