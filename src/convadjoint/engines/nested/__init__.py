"""Parts of the engine `winograd`: schemes of axes, their bands, and compiled code."""
