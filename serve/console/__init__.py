"""The console: server-rendered pages for the people of the hub. `install` puts it on an app."""
