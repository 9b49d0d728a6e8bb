"""ASE: a style with skills in it, which a latent chooses; an encoder tells from the motion which one it was."""
