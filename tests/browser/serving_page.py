"""Serves one page of the tests with the stage's scripts, and nothing else: `python -m … page.py port`."""

import sys

import streamlit as st

from lab.stage.files import ROUTE

if __name__ == "__main__":
    st.App(sys.argv[1], routes=[ROUTE]).run(
        config={
            "server.address": "127.0.0.1",
            "server.port": int(sys.argv[2]),
            "server.headless": True,
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": False,
        }
    )
