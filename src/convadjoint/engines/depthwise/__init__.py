"""Parts of the engine `direct`: channels as lanes, their positions, and compiled code."""
