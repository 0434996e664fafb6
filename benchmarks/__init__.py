"""What is measured, and how: `./run bench`; `docs/performance.md` holds the latest numbers."""
