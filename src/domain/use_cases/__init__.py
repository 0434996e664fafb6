"""One function a file: message data first, ports by keyword, an outcome back."""
