"""Parts of the engine `fft`: axes, transforms, their plans, and blocks."""
