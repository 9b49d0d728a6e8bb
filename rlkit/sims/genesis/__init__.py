"""Genesis: `sim=genesis`, on the CPU or a GPU. `import genesis` happens when a simulator is made, not before."""
