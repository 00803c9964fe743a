"""The chapters, a folder each. They share only what stands outside this folder."""
