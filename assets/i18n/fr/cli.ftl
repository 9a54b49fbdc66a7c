# Les mots de la ligne de commande.

about = Atelier : des travaux pratiques de sécurité, dans votre terminal
about-after = Sans commande, l’application s’ouvre à votre étape. Les codes de retour : « atelier help codes-retour ».

heading-usage = Utilisation
heading-commands = Commandes
heading-options = Options
heading-arguments = Arguments
value-command = COMMANDE

cmd-run = Ouvre l’application à une étape
cmd-list = Liste les parcours et leurs étapes
cmd-status = Montre l’avancement et les points
cmd-check = Lance les contrôles sans ouvrir l’application
cmd-check-after = Sans argument, l’étape en cours est contrôlée. Le code de retour vaut 0 si tout passe, 1 si un contrôle échoue, 2 si l’on n’a pas pu conclure.
cmd-hint = Donne l’indice suivant d’une étape
cmd-solution = Montre la solution d’une étape ; c’est noté
cmd-reset = Remet une étape dans son état de départ
cmd-catch-up = Rejoue et vérifie les solutions jusqu’à une étape
cmd-progress = Transporte l’avancement d’une machine à l’autre
cmd-progress-export = Écrit l’avancement dans un fichier
cmd-progress-import = Fusionne un fichier d’avancement avec celui d’ici
cmd-lab = Outils pour qui écrit des parcours
cmd-lab-new = Crée une étape à compléter
cmd-lab-lint = Relit le format et les mots d’un dossier de parcours
cmd-lab-test = Éprouve des étapes : intactes elles échouent, résolues elles passent, et rien ne reste
cmd-sandbox = Le cluster embarqué, seul
cmd-sandbox-up = Démarre le bac à sable et le sert jusqu’à interruption
cmd-sandbox-down = Arrête le bac à sable
cmd-sandbox-status = Dit si le bac à sable tourne, et où
cmd-sandbox-reset = Remet le bac à sable à neuf
cmd-sandbox-repair = Répare un nœud du bac à sable
cmd-quota = Les quotas d’un Namespace
cmd-quota-test = Éprouve les quotas d’un Namespace par une montée en charge bornée
cmd-kubectl = Le kubectl de secours, pour les machines qui n’en ont pas
cmd-doctor = Dit ce que cette machine permet, ce qui lui manque et comment y remédier
cmd-completions = Écrit les complétions pour un interpréteur de commandes
cmd-help = Aide sur une commande ou un sujet (codes-retour)

arg-help = Affiche cette aide
arg-version = Affiche la version
arg-labs = Dossier qui contient « labs » et « solutions », à la place des parcours embarqués
arg-where = Le parcours, ou l’étape, où commencer
arg-plain = Mode linéaire, pour les lecteurs d’écran et les terminaux simples
arg-env = Où travailler : sandbox (le bac à sable, par défaut) ou cluster (le vôtre)
arg-kubernetes = Version de Kubernetes du bac à sable : 1.20, 1.24 ou 1.34
arg-context = Avec « --env cluster » : le contexte visé ; le nommer vaut confirmation
arg-format = Format de sortie : text (par défaut) ou json
arg-check-where = Le parcours ou l’étape à contrôler
arg-check-format = Format de sortie : text (par défaut), json, junit ou tap
arg-step = L’étape, par exemple atelier-kubernetes/02-1-3-borner-la-memoire
arg-apply = Copie aussi les fichiers de la solution et lance ses commandes
arg-progress-file = Le fichier d’avancement
arg-new-step = La nouvelle étape
arg-lint-path = Le dossier à relire (par défaut le dossier courant)
arg-test-steps = Les étapes à éprouver (par défaut toutes)
arg-node = Le nœud, par exemple node3
arg-kubeconfig = Écrit aussi le kubeconfig dans ce fichier
arg-addr = Adresse d’écoute, sur la boucle locale
arg-detach = Rend la main une fois le bac à sable prêt
arg-namespace = Le Namespace
arg-deployment = Le Deployment dont le modèle de Pod est copié
arg-replicas = Le nombre de Pods demandés, de 1 à 100 (par défaut 20)
arg-contact = Interroge aussi le cluster du contexte courant
arg-shell = bash, zsh ou fish
arg-topic = Une commande, ou « codes-retour »
arg-kubectl = Ce que l’on écrirait après kubectl

failure-title = Erreur :{" "}
failure-title-author = Erreur dans un parcours :{" "}
failure-title-internal = Erreur interne :{" "}
failure-internal = une faute de notre part a interrompu la commande.
failure-internal-hint = Le détail est dans le journal ; transmettez-le à votre formateur.

usage-unknown-argument = l’option ou l’argument « { $argument } » n’existe pas.
usage-unknown-command = la commande « { $command } » n’existe pas.
usage-invalid-value = « { $value } » n’est pas une valeur possible pour { $argument }.
usage-invalid-value-allowed = Valeurs possibles : { $allowed }.
usage-missing-value = { $argument } attend une valeur.
usage-missing = il manque { $arguments }.
usage-missing-command = il manque une commande.
usage-conflict = { $argument } ne va pas avec { $other }.
usage-repeated = { $argument } ne se donne qu’une fois.
usage-not-utf8 = un argument n’est pas du texte lisible.
usage-other = la ligne de commande n’est pas comprise.
usage-similar = Vouliez-vous dire « { $name } » ?
usage-see = Voyez « { $command } --help ».

help-exit-codes =
    Codes de retour :

      0   tout va bien
      1   un contrôle échoue, ou ce qui est examiné n’est pas valable
      2   impossible de conclure (pas de cluster, pas le droit, délai dépassé)
     64   mauvais usage, ou pas de terminal là où il en faut un
     70   faute interne du programme
    
help-no-topic = il n’y a pas d’aide sur « { $topic } ».
help-no-topic-hint = Les sujets : codes-retour, ou le nom d’une commande.

no-terminal = l’application a besoin d’un terminal, et l’entrée ou la sortie n’en est pas un.
no-terminal-hint = Sans terminal : « atelier check », « atelier list », « atelier status », ou « atelier run --plain ».

kubectl-unknown-verb = Le kubectl de secours d’Atelier ne connaît pas la commande « { $verb } ». Un vrai kubectl la connaît peut-être : installez-le, il sera utilisé à la place de celui-ci.
kubectl-unknown-flag = Le kubectl de secours d’Atelier ne connaît pas l’option « { $flag } » de « { $verb } ». Un vrai kubectl la connaît peut-être : installez-le, il sera utilisé à la place de celui-ci.
kubectl-help =
    Le kubectl de secours d’Atelier, pour les machines qui n’en ont pas.
    Un vrai kubectl présent dans le PATH est toujours préféré.

    Commandes connues : { $verbs }

    Les options les plus courantes sont comprises : -n, -A, -l, -o (wide, yaml, json, name, jsonpath=, custom-columns=), -w, -f.
