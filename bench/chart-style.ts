// The page decides: an image in a README is shown on white or on black.
export const CHART_STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .faint { fill: #59636e; font-size: 12px }
  .line { stroke: #d1d9e0 } .zero { stroke: #59636e }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .faint { fill: #9198a1 }
    .line { stroke: #3d444d } .zero { stroke: #9198a1 }
  }`
