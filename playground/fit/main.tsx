import { show } from "../shell/page.js";

await show("fit", () => <h1>fit</h1>);
