"""genlab's app: runs, the stage that draws them, and the kit that pages are made of."""
