/** As Next.js bundles for its edge runtime. */
module.exports = {
  mode: "production",
  target: ["web", "es2022"],
  performance: false,
  entry: "./edge-light.js",
  output: { path: `${__dirname}/edge-light`, filename: "edge-light.js" },
  resolve: { conditionNames: ["edge-light", "import", "default"] },
  module: {
    rules: [{ resourceQuery: /^\?module$/, type: "javascript/auto", loader: `${__dirname}/edge-light.loader.cjs` }],
  },
};
